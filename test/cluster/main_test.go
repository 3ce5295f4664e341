package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// binary is the parley that every node here runs.
var binary string

func TestMain(m *testing.M) {
	Child()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "parley-cluster-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary = os.Getenv("PARLEY_BINARY"); binary == "" {
		binary = filepath.Join(dir, "parley")
		var flags []string
		if os.Getenv("PARLEY_RACE") == "1" {
			flags = append(flags, "-race")
		}
		if err := Build("../..", binary, flags...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}
