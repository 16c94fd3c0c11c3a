// Random numbers that a failing test can be repeated with: those of the fuzzer.

@_exported import struct ProgramFuzzing.SeededGenerator
