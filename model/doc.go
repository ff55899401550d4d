// Package model reads models and says what they compute.
//
// Readers (GGUF, safetensors, a Hugging Face config.json alone) turn files into
// metadata and tensor records; one data-driven builder turns that metadata,
// through a table of architecture variants, into a Graph: tensors and ops in
// schedule order, every shape a function of batch and sequence. The package
// knows no hardware, no tier and no plan.
//
// Every reader treats length fields as claims: nothing is allocated beyond the
// file's own size plus a constant, and each reader has a fuzz target.
package model
