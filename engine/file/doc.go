// Package file reads model files past the page cache and counts every byte.
//
// Open opens a file for direct I/O (O_DIRECT); where the file system refuses,
// it falls back to ordinary reads and says so, so that a run can be labelled
// cached. A Reader owns a fixed number of reader threads that take requests
// from one FIFO queue: a Copy of many bytes becomes requests of at most
// RequestBytes, and Depth of them are in flight at any time, across copies. One
// request in flight leaves about half of an SSD's rate unused; two or more
// reach it. Whoever waits for a copy sleeps: spinning would take the core that
// the reader needs.
//
// Meters move only where a read has completed. ProcReadBytes gives the
// operating system's own count to hold against them: for direct I/O both agree
// to the byte, and a file system that answers from memory (tmpfs accepts
// O_DIRECT) is found out by a count that stays at zero.
//
// io_uring would save a thread a request in flight, but many hosts forbid it;
// reader threads work everywhere and reach the same rate at these sizes.
package file
