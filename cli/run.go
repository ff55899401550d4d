package cli

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"

	"github.com/spf13/cobra"

	"strata/workflow"
)

func (a *app) runCommand() *cobra.Command {
	var f modelFlags
	var r workflow.RunRequest
	var promptFile, forceFile, logitsFile string
	c := &cobra.Command{
		Use:   "run MODEL",
		Short: "Run the model: all in memory, under a budget, or by a plan",
		Example: `  strata run model.gguf -p 'Why is the sky blue?' -n 64
  strata run model.gguf -p 'Hello' -n 32 --dram 64MiB -c 512
  strata run model.gguf -f prompt.txt -n 32 --plan plan.json --mode reference --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			req, err := f.request()
			if err != nil {
				return err
			}
			r.Request = req
			if promptFile != "" {
				if r.PromptText != "" {
					return workflow.Badf("give --prompt or --prompt-file, not both")
				}
				data, err := os.ReadFile(promptFile)
				if err != nil {
					return workflow.Badf("%w", err)
				}
				r.PromptText = string(data)
			}
			if forceFile != "" {
				data, err := os.ReadFile(forceFile)
				if err != nil {
					return workflow.Badf("%w", err)
				}
				if err := json.Unmarshal(data, &r.Force); err != nil || len(r.Force) == 0 {
					return workflow.Badf("%s: a JSON array of token ids is expected: %v", forceFile, err)
				}
			}
			if r.Predict < 1 && len(r.Force) == 0 {
				return workflow.Badf("--predict %d: at least 1 token is needed", r.Predict)
			}
			m, err := workflow.OpenModel(args[0])
			if err != nil {
				return err
			}
			if !a.json {
				r.OnText = func(s string) { fmt.Fprint(a.out, s) }
			}
			var logits *logitsWriter
			if logitsFile != "" {
				if logits, err = newLogitsWriter(logitsFile); err != nil {
					return err
				}
				defer logits.f.Discard()
				r.OnLogits = logits.row
			}
			progress, done := a.progress()
			res, err := workflow.Run(c.Context(), m, r, progress)
			done()
			if err != nil {
				return err
			}
			if logits != nil {
				if err := logits.f.Commit(); err != nil {
					return err
				}
			}
			if a.json {
				return a.print(res, nil)
			}
			fmt.Fprintln(a.out)
			fmt.Fprintf(a.err, "prompt of %s at %.1f tokens/s; %s at %.1f tokens/s; %s; arena %s; peak resident %s\n",
				count(len(res.PromptTokens), "token", "tokens"), res.PrefillTokS, count(len(res.Tokens), "generated", "generated"), res.DecodeTokS, res.State, bytes(res.ArenaBytes), bytes(res.PeakRSSBytes))
			return nil
		},
	}
	f.register(c)
	p := c.Flags()
	p.StringVarP(&r.PromptText, "prompt", "p", "", "the prompt; special tokens in it are parsed")
	p.StringVarP(&promptFile, "prompt-file", "f", "", "read the prompt from a file")
	p.IntVarP(&r.Predict, "predict", "n", 128, "tokens to generate, end-of-text ignored")
	p.StringVar(&r.PlanPath, "plan", "", "run by this plan")
	p.StringVar(&forceFile, "force-tokens", "", "feed these ids (a JSON array) instead of the generated ones")
	p.StringVar(&logitsFile, "logits-out", "", "write all logits: little-endian f32 [positions, vocabulary]")
	return c
}

// logitsWriter writes rows as little-endian f32; the file appears when complete.
type logitsWriter struct {
	f   *workflow.Output
	buf []byte
}

func newLogitsWriter(path string) (*logitsWriter, error) {
	f, err := workflow.CreateOutput(path)
	if err != nil {
		return nil, err
	}
	return &logitsWriter{f: f}, nil
}

func (l *logitsWriter) row(_ int, row []float32) error {
	l.buf = l.buf[:0]
	for _, v := range row {
		l.buf = binary.LittleEndian.AppendUint32(l.buf, math.Float32bits(v))
	}
	_, err := l.f.Write(l.buf)
	return err
}
