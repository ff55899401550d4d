package hlo

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseText reads a module in HLO text form. Errors name the line.
func ParseText(text string) (*Module, error) {
	p := &parser{lines: strings.Split(text, "\n"), byName: map[string]*Computation{}}
	if err := p.module(); err != nil {
		return nil, err
	}
	return p.out, p.resolve()
}

type parser struct {
	lines  []string
	at     int // the line that comes next
	out    *Module
	byName map[string]*Computation

	calls    []call
	instrs   int
	operands int
}

// call is a computation named before it may have been read.
type call struct {
	from *Instruction
	name string
	line int
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %w", p.at, fmt.Errorf(format, args...))
}

// next returns the next line that holds more than space and comments.
func (p *parser) next() (string, bool) {
	for p.at < len(p.lines) {
		line := strings.TrimSpace(withoutComments(p.lines[p.at]))
		p.at++
		if line != "" {
			return line, true
		}
	}
	return "", false
}

func withoutComments(line string) string {
	if !strings.Contains(line, "/*") && !strings.Contains(line, "//") {
		return line
	}
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		switch rest := line[i:]; {
		case line[i] == '"':
			end := closingQuote(line, i)
			b.WriteString(line[i : end+1])
			i = end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest, "*/")
			if end < 0 {
				return b.String()
			}
			i += end + 1
		case strings.HasPrefix(rest, "//"):
			return b.String()
		default:
			b.WriteByte(line[i])
		}
	}
	return b.String()
}

func (p *parser) module() error {
	line, ok := p.next()
	header, found := strings.CutPrefix(line, "HloModule ")
	if !ok || !found {
		return p.errorf("found %q, \"HloModule NAME\" is expected", excerpt(line))
	}
	name, attributes, _ := strings.Cut(header, ",")
	p.out = &Module{Name: strings.TrimSpace(name), Scheduled: strings.Contains(attributes, "is_scheduled=true")}
	for {
		line, ok := p.next()
		if !ok {
			break
		}
		// Attributes of the module on lines of their own (stack frames, file names)
		// end where the first computation starts.
		if !strings.HasSuffix(line, "{") || strings.Contains(line, " = ") {
			continue
		}
		if err := p.computation(line); err != nil {
			return err
		}
	}
	if p.out.Entry == nil {
		return p.errorf("no ENTRY computation")
	}
	return nil
}

func (p *parser) computation(header string) error {
	rest, entry := strings.CutPrefix(header, "ENTRY ")
	name := strings.TrimPrefix(strings.TrimSpace(rest), "%")
	if i := strings.IndexAny(name, " ({"); i >= 0 {
		name = name[:i]
	}
	if name == "" && !entry {
		return p.errorf("computation %q has no name", excerpt(header))
	}
	c := &Computation{Name: name}
	if p.byName[name] != nil {
		return p.errorf("computation %q is defined twice", excerpt(name))
	}
	p.byName[name] = c
	p.out.Computations = append(p.out.Computations, c)
	if entry {
		p.out.Entry = c
	}
	defined := map[string]*Instruction{}
	for {
		line, ok := p.next()
		if !ok {
			return p.errorf("computation %q does not end: \"}\" is expected", excerpt(name))
		}
		if strings.HasPrefix(line, "}") {
			break
		}
		if err := p.instruction(c, line, defined); err != nil {
			return err
		}
	}
	if c.Root == nil {
		if len(c.Instrs) == 0 {
			return p.errorf("computation %q is empty", excerpt(name))
		}
		c.Root = c.Instrs[len(c.Instrs)-1]
	}
	return nil
}

// open counts the brackets that a line leaves open.
func open(line string) int {
	depth := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '"':
			i = closingQuote(line, i)
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
	}
	return depth
}

func (p *parser) instruction(c *Computation, line string, defined map[string]*Instruction) error {
	first := p.at
	if depth := open(line); depth > 0 { // literals run over lines
		parts := []string{line}
		for depth > 0 {
			more, ok := p.next()
			if !ok {
				return fmt.Errorf("line %d: the instruction's brackets do not close", first)
			}
			parts = append(parts, more)
			depth += open(more)
		}
		line = strings.Join(parts, " ")
	}
	line, root := strings.CutPrefix(line, "ROOT ")
	name, rest, ok := strings.Cut(line, " = ")
	if !ok {
		return p.errorf("found %q, \"NAME = SHAPE OPCODE(OPERANDS)\" is expected", excerpt(line))
	}
	name = strings.TrimPrefix(strings.TrimSpace(name), "%")
	shape, rest, err := parseShape(rest, 0)
	if err != nil {
		return p.errorf("instruction %q: %w", excerpt(name), err)
	}
	if shape.countLeaves() > maxLeaves {
		return p.errorf("instruction %q: a shape of more than %d arrays", excerpt(name), maxLeaves)
	}
	rest = strings.TrimLeft(rest, " ")
	paren := strings.IndexByte(rest, '(')
	if paren <= 0 {
		return p.errorf("instruction %q: found %q, \"OPCODE(OPERANDS)\" is expected", excerpt(name), excerpt(rest))
	}
	in := &Instruction{Name: name, Opcode: strings.TrimSpace(rest[:paren]), Shape: shape, Groups: 1, BatchGroups: 1}
	rest = rest[paren:]
	close := matching(rest)
	if close < 0 {
		return p.errorf("instruction %q: the operands' parenthesis does not close", excerpt(name))
	}
	if err := p.arguments(in, rest[1:close], defined); err != nil {
		return err
	}
	for _, a := range split(strings.TrimPrefix(strings.TrimSpace(rest[close+1:]), ",")) {
		key, value, ok := strings.Cut(a, "=")
		if !ok {
			continue
		}
		if err := p.attribute(in, key, value); err != nil {
			return p.errorf("instruction %q, attribute %s: %w", excerpt(name), excerpt(key), err)
		}
	}
	if defined[name] != nil {
		return p.errorf("instruction %q is defined twice", excerpt(name))
	}
	defined[name] = in
	if c.Instrs = append(c.Instrs, in); root {
		c.Root = in
	}
	if p.instrs++; p.instrs > maxInstructions {
		return p.errorf("more than %d instructions", maxInstructions)
	}
	return nil
}

// arguments reads operands; constants hold a literal and parameters a number.
func (p *parser) arguments(in *Instruction, text string, defined map[string]*Instruction) error {
	switch in.Opcode {
	case "constant":
		return nil
	case "parameter":
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 0 || n > maxLeaves {
			return p.errorf("parameter %q: number %q, 0..%d is expected", excerpt(in.Name), excerpt(text), maxLeaves)
		}
		in.Index = n
		return nil
	}
	for _, a := range split(text) {
		if i := strings.LastIndexByte(a, ' '); i >= 0 {
			a = a[i+1:]
		}
		a = strings.TrimPrefix(a, "%")
		operand := defined[a]
		if operand == nil {
			return p.errorf("instruction %q: operand %q is not defined before it", excerpt(in.Name), excerpt(a))
		}
		in.Operands = append(in.Operands, operand)
		if p.operands++; p.operands > maxOperands {
			return p.errorf("more than %d operands", maxOperands)
		}
	}
	return nil
}

func (p *parser) attribute(in *Instruction, key, value string) (err error) {
	list := func(to *[]int64) error {
		*to, err = numbers(strings.Trim(value, "{}"))
		return err
	}
	number := func(to *int64) error {
		if *to, err = strconv.ParseInt(value, 10, 64); err == nil && *to < 1 {
			err = fmt.Errorf("%d, at least 1 is expected", *to)
		}
		return err
	}
	switch key {
	case "index":
		var i int64
		if i, err = strconv.ParseInt(value, 10, 32); err == nil && i < 0 {
			err = fmt.Errorf("%d is negative", i)
		}
		in.Index = int(i)
		return err
	case "dimensions":
		return list(&in.Dimensions)
	case "lhs_contracting_dims":
		return list(&in.Dot.LHSContract)
	case "rhs_contracting_dims":
		return list(&in.Dot.RHSContract)
	case "lhs_batch_dims":
		return list(&in.Dot.LHSBatch)
	case "rhs_batch_dims":
		return list(&in.Dot.RHSBatch)
	case "feature_group_count":
		return number(&in.Groups)
	case "batch_group_count":
		return number(&in.BatchGroups)
	case "window":
		in.Window, err = parseWindow(strings.Trim(value, "{}"))
		return err
	case "dim_labels":
		in.Conv, err = parseLabels(value)
		return err
	case "custom_call_target":
		in.Target = strings.Trim(value, `"`)
	case "backend_config":
		in.Trip = tripCount(value)
	case "calls", "to_apply", "condition", "body", "true_computation", "false_computation", "branch_computations", "called_computations":
		for _, name := range split(strings.Trim(value, "{}")) {
			p.calls = append(p.calls, call{in, strings.TrimPrefix(name, "%"), p.at})
		}
	}
	return nil
}

// tripCount finds {"known_trip_count":{"n":"10"}} in a backend configuration.
func tripCount(config string) int64 {
	_, rest, ok := strings.Cut(config, "known_trip_count")
	if !ok {
		return 0
	}
	start := strings.IndexAny(rest, "0123456789")
	if start < 0 || start > 16 {
		return 0
	}
	end := start
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(rest[start:end], 10, 53)
	if err != nil {
		return 0
	}
	return n
}

func (p *parser) resolve() error {
	for _, c := range p.calls {
		to := p.byName[c.name]
		if to == nil {
			return fmt.Errorf("line %d: instruction %q calls %q, there is no such computation", c.line, excerpt(c.from.Name), excerpt(c.name))
		}
		c.from.Called = append(c.from.Called, to)
	}
	return p.out.check()
}
