package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"

	"github.com/seed-4a326f83/parley/test/cluster"
)

// configuration says in its comments what Parley needs of a proxy.
//
//go:embed nginx.conf.tmpl
var configuration string

// startNginx has an nginx listen, whose files are in dir, and hand out what comes
// to nodes.
func startNginx(dir, listen string, nodes []string) (*cluster.Process, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // where Debian has it, which is not on everybody's PATH
	}
	dir = filepath.Join(dir, "nginx")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(dir, "nginx.conf"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	err = template.Must(template.New("nginx").Parse(configuration)).Execute(file, struct {
		Listen string
		Nodes  []string
	}{listen, nodes})
	if err != nil {
		return nil, err
	}
	p, err := cluster.Run(dir, cluster.Command{
		Name: "nginx", Path: program, Args: []string{"-p", dir, "-e", "stderr", "-c", file.Name()},
	})
	if err != nil {
		return nil, fmt.Errorf("%w; install nginx (on Debian: apt-get install nginx)", err)
	}
	return p, cluster.AwaitHealth(p, listen)
}
