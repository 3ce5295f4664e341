package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the parley that every test here starts.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	binary = os.Getenv("PARLEY_BINARY")
	if binary == "" {
		dir, err := os.MkdirTemp("", "parley-binary-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if binary, err = build(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// build compiles cmd/parley into dir.
func build(dir string) (string, error) {
	out := filepath.Join(dir, "parley")
	args := []string{"build", "-C", "..", "-o", out}
	if os.Getenv("PARLEY_RACE") == "1" {
		args = append(args, "-race")
	}
	if text, err := exec.Command("go", append(args, "./cmd/parley")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building cmd/parley: %w\n%s", err, text)
	}
	return out, nil
}
