package model

// DType is a storage type. Values equal ggml's type numbers, so a GGUF tensor's
// type field converts directly.
type DType uint32
