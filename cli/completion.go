package cli

import (
	"github.com/spf13/cobra"

	"strata/convert/generate"
	"strata/costmodel"
	"strata/planner"
	"strata/workflow"
)

// cacheTypes are the types of a KV cache that llama.cpp knows.
var cacheTypes = []string{"f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"}

// completeValues lets the shell complete the values of options that take one of
// a few words, and file names where an option or argument is a file.
func completeValues(c *cobra.Command) {
	choices := map[string][]string{
		"solver": planner.Names(), "to": exportTargets, "mode": {costmodel.ModeFast, costmodel.ModeReference},
		"prior": planner.Priors, "value": planner.Values,
		"from": workflow.ConvertFormats(), "generate": generate.Kinds, "families": generate.Kinds, "held-out": generate.Kinds, "cache-type-k": cacheTypes, "cache-type-v": cacheTypes,
		"player": gamePlayers,
	}
	for name, values := range choices {
		if c.Flags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	if c.Flags().Lookup("hw") != nil {
		// A profile may be a file, too.
		names, _ := costmodel.ShippedNames()
		_ = c.RegisterFlagCompletionFunc("hw", cobra.FixedCompletions(names, cobra.ShellCompDirectiveDefault))
	}
}
