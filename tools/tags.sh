#!/usr/bin/env bash
# Prints the build tags: with the window where the headers it needs are there.
headers=(/usr/include/GL/gl.h /usr/include/X11/Xlib.h /usr/include/X11/extensions/Xrandr.h /usr/include/X11/Xcursor/Xcursor.h
	/usr/include/X11/extensions/Xinerama.h /usr/include/X11/extensions/XInput2.h /usr/include/X11/extensions/xf86vmode.h)
for h in "${headers[@]}"; do
	[ -e "$h" ] || { echo headless; exit; }
done
echo migrated_fynedo
