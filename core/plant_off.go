//go:build !plant

package core

// plant is a fault that tests put in on purpose (build tag plant). Here it is a constant, so that nothing of it is left in what ships.
const plant = ""
