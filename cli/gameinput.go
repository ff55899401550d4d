package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"strata/workflow"
)

// inputLine is a line that somebody typed, and what is wrong with it.
type inputLine struct {
	text string
	err  error
}

// longestInput bounds a typed line.
const longestInput = 4096

var errLongInput = errors.New("the line is longer than 4096 bytes")

// readLines hands on lines and closes the channel when the input or ctx ends. What
// is longer than longestInput is read to its end and handed on as an error. Its
// goroutine ends with ctx or, waiting for somebody who types no more, with the
// process.
func readLines(ctx context.Context, r io.Reader) <-chan inputLine {
	out := make(chan inputLine)
	go func() {
		defer close(out)
		b := bufio.NewReaderSize(r, longestInput)
		for {
			line, err := readLine(b)
			if err != nil && line == (inputLine{}) {
				return
			}
			select {
			case out <- line:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return out
}

// readLine reads one line; the error is the input's.
func readLine(b *bufio.Reader) (inputLine, error) {
	text, err := b.ReadSlice('\n')
	line := inputLine{text: strings.TrimRight(string(text), "\r\n")}
	for errors.Is(err, bufio.ErrBufferFull) {
		line = inputLine{text: line.text[:16] + "…", err: errLongInput}
		_, err = b.ReadSlice('\n')
	}
	line.text = strings.ToValidUTF8(line.text, "�")
	return line, err
}

// plainNumber reads a whole number; ok says that the text is meant as one.
func plainNumber(text string) (n int, ok bool) {
	text = strings.TrimSpace(text)
	if strings.Trim(text, "+-0123456789") != "" || strings.Trim(text, "+-") == "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		n = -1 // too large: a number all the same
	}
	return n, true
}

// countOf reads the number of times of "auto N"; none: once.
func countOf(words []string) (int, error) {
	if len(words) == 0 {
		return 1, nil
	}
	if n, ok := plainNumber(words[0]); ok && n >= 1 && len(words) == 1 {
		return n, nil
	}
	return 0, workflow.Badf("auto %s: write auto N, N at least 1", strings.Join(words, " "))
}
