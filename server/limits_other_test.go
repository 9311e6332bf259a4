//go:build !unix

package main

func limitFiles(uint64) {}

func countGoroutines() {}
