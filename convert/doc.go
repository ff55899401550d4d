// Package convert turns schedules that other programs wrote into memory-mapping
// problems.
//
// A reader (convert/hlo, convert/onnx, convert/mlsys, convert/minimalloc,
// convert/pytorch, convert/generate) knows a file format and no hardware: it returns a
// Schedule, which says what is computed in which order on which bytes. Lower
// puts a Schedule on a machine and returns the malloc.Program: tiers, engines
// and seconds come from a hardware profile, everything else from the Schedule.
//
// Readers trust no length in a file: each bounds what it allocates by the bytes
// it was given, and the limits of mmap-instance/1 hold before anything is built.
package convert
