// Package web is the page of Parley: TypeScript under src, built by Vite into
// dist, which is committed and embedded here, so that running Parley needs no
// Node. [Handler] serves it.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed all:dist
var dist embed.FS

// contentSecurityPolicy allows what the page needs and nothing else: its own
// script, style and icon, and requests and WebSockets to where it came from.
// The one Trusted Types policy is Svelte's, for the markup in its templates.
const contentSecurityPolicy = "default-src 'none'; " +
	"script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types svelte-trusted-html"

// contentTypes are set by hand, since the system's own table, which package
// mime reads, may have been edited.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
}

// Handler returns what serves the page: the document at /, and the files it
// names under /assets/, which change their names with their content and so may
// be kept for good. It is safe for concurrent use.
func Handler() http.Handler {
	built, err := fs.Sub(dist, "dist")
	if err == nil {
		var h http.Handler
		if h, err = newHandler(built); err == nil {
			return h
		}
	}
	// What is embedded is part of the program, and the tests serve it.
	panic("web: the embedded page cannot be served: " + err.Error())
}

type handler struct {
	files map[string]file // by request path
}

type file struct {
	name        string
	contentType string
	cache       string
	plain       variant
	gzipped     variant // data nil: not worth it
}

// A variant is one encoding of a file, with an entity tag of its own (RFC 9110,
// section 8.8.3).
type variant struct {
	data []byte
	etag string
}

func newHandler(built fs.FS) (http.Handler, error) {
	h := &handler{files: make(map[string]file)}
	err := fs.WalkDir(built, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		f, err := newFile(name, data)
		if err != nil {
			return err
		}
		h.files["/"+name] = f
		return nil
	})
	if err != nil {
		return nil, err
	}
	index, ok := h.files["/index.html"]
	if !ok {
		return nil, errors.New("there is no index.html; run npm run build in web")
	}
	h.files["/"] = index
	return h, nil
}

func newFile(name string, data []byte) (file, error) {
	contentType, ok := contentTypes[path.Ext(name)]
	if !ok {
		return file{}, fmt.Errorf("%s: no content type is known for its extension", name)
	}
	f := file{
		name:        name,
		contentType: contentType,
		cache:       "no-cache",
		plain:       newVariant(data),
	}
	if strings.HasPrefix(name, "assets/") {
		f.cache = "public, max-age=31536000, immutable"
	}
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return file{}, err
	}
	if _, err := w.Write(data); err != nil {
		return file{}, err
	}
	if err := w.Close(); err != nil {
		return file{}, err
	}
	if zipped.Len() < len(data) {
		f.gzipped = newVariant(zipped.Bytes())
	}
	return f, nil
}

func newVariant(data []byte) variant {
	sum := sha256.Sum256(data)
	return variant{data: data, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")

	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "The page can only be fetched: use GET.", http.StatusMethodNotAllowed)
		return
	}
	f, ok := h.files[r.URL.Path]
	if !ok {
		http.Error(w, "There is nothing here. The page is at /.", http.StatusNotFound)
		return
	}
	v := f.plain
	if f.gzipped.data != nil {
		header.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Values("Accept-Encoding")) {
			header.Set("Content-Encoding", "gzip")
			v = f.gzipped
		}
	}
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", f.cache)
	header.Set("ETag", v.etag)
	// No modification time: embedded files have none, and the ETag says more.
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(v.data))
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3) as far as it
// matters here: gzip or * is named, and not with a weight of zero.
func acceptsGzip(fields []string) bool {
	for field := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		coding, weight, _ := strings.Cut(field, ";")
		coding = strings.ToLower(strings.TrimSpace(coding))
		if coding != "gzip" && coding != "*" {
			continue
		}
		q, isWeight := strings.CutPrefix(strings.ToLower(strings.TrimSpace(weight)), "q=")
		return !isWeight || strings.Trim(q, "0.") != ""
	}
	return false
}
