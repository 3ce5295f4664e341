// Package cpu tells what a processor can do that Go does not take for granted.
package cpu
