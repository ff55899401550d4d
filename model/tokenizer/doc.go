// Package tokenizer turns text into token ids and back, with the vocabulary of
// the model file: byte-level byte-pair encoding as GPT-2 introduced it and
// SmolLM, Qwen and Llama 3 use it, each with its own rule for cutting text into
// words.
//
// The package is our own. sugarme/tokenizer and gomlx/go-huggingface are built
// around tokenizer.json, which spells out its cutting rules; a GGUF file has only
// the vocabulary, the merges and the name of a rule (tokenizer.ggml.pre), so the
// rules must be code, and they must agree with llama.cpp (llama-vocab.cpp,
// unicode.cpp) id for id. Go's regexp has no look-ahead, which every rule needs,
// so they are written by hand.
//
// Encoding works on bytes: text that is not valid UTF-8 keeps its bytes, and
// decoding gives them back.
package tokenizer
