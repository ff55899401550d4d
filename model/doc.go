// Package model reads models and says what they compute.
//
// Readers (GGUF, safetensors, a Hugging Face config.json alone) turn files into
// metadata and tensor records; one data-driven builder turns that metadata,
// through a table of architecture variants, into a Graph: tensors and ops in
// schedule order, every shape a function of batch and sequence. The package
// knows no hardware, no tier and no plan.
//
//	Load   path → Source   source.go, gguf*.go, safetensors.go, hfconfig.go
//	Build  Source → Graph  families.go (the table), hyper.go, weights.go, build.go, layers.go
//	sizes  of a Graph      size.go, kv.go, dtype.go
//
// # Reading what cannot be trusted
//
// Every reader treats length fields as claims: they are checked against the
// bytes that are really left before anything is allocated, so that reading a
// header costs no more than its own strings and records plus a constant (64 KiB
// for GGUF; safetensors entries, config.json and index files have fixed limits).
// GGUF arrays, such as a vocabulary, stay in the file until they are asked for.
// Tensors outside the file, misaligned, overlapping, named twice, or whose bytes
// disagree with type and shape are refused. Each reader has a fuzz target.
//
// # Why our own readers
//
// gguf-parser-go is the well-kept GGUF module in Go and the peer our tests
// compare with. It was written to estimate, not to check: of the hostile files
// in gguf_test.go, v0.28.1 accepts tensors that overlap, lie outside the file,
// are misaligned or share a name, panics on others (an alignment of 0, a shape
// whose size overflows), and of a split model it does not say in which file, at
// which absolute offset, a tensor lies, which is what an engine that reads
// weights with direct I/O needs. A safetensors header is JSON behind a length
// and takes a page to read; the modules for it load tensors.
package model
