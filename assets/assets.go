// Package assets embeds the files the program ships: hardware profiles and the
// schemas of its JSON. It has no code beyond embed; costmodel reads the
// profiles.
package assets

import "embed"

// Profiles holds profiles/NAME.json, each a strata-profile/1.
//
//go:embed profiles/*.json
var Profiles embed.FS

// Schemas holds schema/NAME.schema.json (JSON Schema 2020-12).
//
//go:embed schema/*.json
var Schemas embed.FS

// Sample is what the window shows before the sample model is there: its header
// without vocabulary (header.gguf.gz: as long as the real one, so that offsets
// agree) and a plan that `strata plan` made for it (plan.json.gz).
//
//go:embed sample/*.gz
var Sample embed.FS

// Translations holds the window's texts, translations/LANGUAGE.json.
//
//go:embed translations/*.json
var Translations embed.FS
