//go:build plant

package core

// plant is the fault put in on purpose, "" for none.
var plant string

// Plant puts a fault in by name, or takes it out with "". It exists under the build tag plant only: package simulate shows with it that each fault is found.
func Plant(name string) { plant = name }
