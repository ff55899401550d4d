package export

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"strata/malloc"
)

// presetKeys are the long names of LlamaCPP's arguments, as llama-server's
// preset files spell them: without dashes.
var presetKeys = map[string]string{
	"-m": "model", "-c": "ctx-size", "-np": "parallel", "-b": "batch-size", "-ub": "ubatch-size", "-t": "threads",
	"-ctk": "cache-type-k", "-ctv": "cache-type-v", "-fa": "flash-attn", "-ngl": "n-gpu-layers", "-nkvo": "no-kv-offload", "-ot": "override-tensor",
}

// LlamaCPPPreset is a plan as a section of an INI file for llama-server
// --models-preset.
type LlamaCPPPreset struct {
	Name string      // of the section: the model's file name without its ending
	Keys [][2]string // options and values in order
	Lost []string
	Tips []string
}

// LlamaCPPIni translates a plan as LlamaCPPArguments does, for a server that
// serves several models.
func LlamaCPPIni(p *malloc.Program, plan *malloc.Plan, o LlamaCPPOptions) (*LlamaCPPPreset, error) {
	args, err := LlamaCPPArguments(p, plan, o)
	if err != nil {
		return nil, err
	}
	out := &LlamaCPPPreset{Lost: args.Lost}
	for _, tip := range args.Tips {
		out.Tips = append(out.Tips, strings.ReplaceAll(tip, "--fit off", "fit = off"))
	}
	for i := 0; i < len(args.Args); i++ {
		key, known := presetKeys[args.Args[i]]
		if !known {
			key = strings.TrimLeft(args.Args[i], "-")
		}
		value := "true"
		if takesValue(args.Args[i]) {
			i++
			value = args.Args[i]
		}
		if strings.ContainsAny(value, "\r\n") || strings.ContainsAny(value, ";#") {
			return nil, fmt.Errorf("%s %q: a preset file takes no line break, \";\" or \"#\" in a value: rename the file", key, value)
		}
		if key == "model" {
			// The server may be started from any folder.
			if abs, err := filepath.Abs(value); err == nil && o.ModelPath != "" {
				value = abs
			}
			base := filepath.Base(value)
			out.Name = strings.Map(func(r rune) rune {
				if r < ' ' || strings.ContainsRune(`[]"`, r) {
					return '_'
				}
				return r
			}, strings.TrimSuffix(base, filepath.Ext(base)))
		}
		out.Keys = append(out.Keys, [2]string{key, value})
	}
	out.Tips = append(out.Tips, "Start it with: llama-server --models-preset FILE (builds from the end of 2025 on).")
	return out, nil
}

// takesValue says whether an argument that LlamaCPPArguments writes is followed
// by a value.
func takesValue(arg string) bool {
	switch arg {
	case "-nkvo", "--no-mmap", "--mlock":
		return false
	}
	return true
}

// WriteIni writes the file, what was lost as comments above.
func (c *LlamaCPPPreset) WriteIni(out io.Writer) error {
	var b strings.Builder
	comments(&b, ";", c.Lost, c.Tips)
	fmt.Fprintf(&b, "version = 1\n\n[%s]\n", c.Name)
	for _, k := range c.Keys {
		fmt.Fprintf(&b, "%s = %s\n", k[0], k[1])
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// comments writes what was lost and what to do about it, one line each.
func comments(b *strings.Builder, mark string, lost, tips []string) {
	if len(lost) > 0 {
		b.WriteString(mark + " Not expressed:\n")
	}
	for _, l := range lost {
		b.WriteString(mark + "  - " + oneLine(l) + "\n")
	}
	for _, t := range tips {
		b.WriteString(mark + " " + oneLine(t) + "\n")
	}
}
