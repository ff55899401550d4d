package workflow

import (
	"io/fs"
	"strings"

	"strata/assets"
)

const schemaSuffix = ".schema.json"

// SchemaNames lists the JSON schemas the program ships.
func SchemaNames() []string {
	entries, _ := fs.ReadDir(assets.Schemas, "schema")
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), schemaSuffix))
	}
	return names
}

// Schema is the JSON schema of that name.
func Schema(name string) ([]byte, error) {
	data, err := assets.Schemas.ReadFile("schema/" + name + schemaSuffix)
	if err != nil {
		return nil, Badf("no schema %q; there are %s", name, strings.Join(SchemaNames(), ", "))
	}
	return data, nil
}
