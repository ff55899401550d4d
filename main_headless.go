//go:build headless

package main

const hasWindow = false

func window([]string) int { return 1 }
