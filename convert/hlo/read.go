package hlo

import "strata/convert"

// Text converts a module in HLO text.
func Text(data []byte) (*convert.Schedule, error) {
	m, err := ParseText(string(data))
	if err != nil {
		return nil, err
	}
	s, err := Convert(m)
	if err != nil {
		return nil, err
	}
	s.Source.Converter = "hlo text"
	return s, nil
}
