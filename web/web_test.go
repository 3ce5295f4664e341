package web

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func get(t *testing.T, h http.Handler, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// assets returns the paths that the document names.
func assets(t *testing.T) []string {
	t.Helper()
	html := body(t, get(t, Handler(), "GET", "/"))
	var paths []string
	for _, match := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		paths = append(paths, match[1])
	}
	if len(paths) < 2 {
		t.Fatalf("the document names %v, want a script and a style at least", paths)
	}
	return paths
}

func TestDocument(t *testing.T) {
	for _, path := range []string{"/", "/index.html"} {
		r := get(t, Handler(), "GET", path)
		if r.StatusCode != http.StatusOK {
			t.Fatalf("GET %s: %s", path, r.Status)
		}
		for name, want := range map[string]string{
			"Content-Type":           "text/html; charset=utf-8",
			"Cache-Control":          "no-cache",
			"X-Content-Type-Options": "nosniff",
			"Referrer-Policy":        "no-referrer",
			"Vary":                   "Accept-Encoding",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("GET %s: %s is %q, want %q", path, name, got, want)
			}
		}
		if html := body(t, r); !strings.Contains(html, `<div id="app">`) {
			t.Errorf("GET %s is not the page: %q", path, html)
		}
	}
}

func TestContentSecurityPolicyAllowsNoMoreThanThePageNeeds(t *testing.T) {
	policy := get(t, Handler(), "GET", "/").Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %q: %s", want, policy)
		}
	}
	for _, unwanted := range []string{"unsafe", "*", "data:", "http"} {
		if strings.Contains(policy, unwanted) {
			t.Errorf("the policy allows %q: %s", unwanted, policy)
		}
	}
}

func TestDocumentHasNothingInline(t *testing.T) {
	html := body(t, get(t, Handler(), "GET", "/"))
	for _, pattern := range []string{`<script(?:\s[^>]*)?>[^<]`, `<style`, `\sstyle=`, `\son\w+=`, `https?://`} {
		if found := regexp.MustCompile(pattern).FindString(html); found != "" {
			t.Errorf("the document has %q, which the policy refuses", found)
		}
	}
}

func TestAssetsAreKeptForGood(t *testing.T) {
	for _, path := range assets(t) {
		r := get(t, Handler(), "GET", path)
		if r.StatusCode != http.StatusOK {
			t.Errorf("GET %s: %s", path, r.Status)
		}
		if got := r.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("GET %s: Cache-Control is %q", path, got)
		}
	}
}

func TestFirstLoadIsSmall(t *testing.T) {
	total := 0
	for _, path := range append(assets(t), "/") {
		total += len(body(t, get(t, Handler(), "GET", path, "Accept-Encoding", "gzip")))
	}
	const limit = 150_000
	if total > limit {
		t.Errorf("the first load takes %d bytes compressed, want at most %d", total, limit)
	}
}

// What polls is for networks that let no WebSocket through: everybody else
// does not load it.
func TestWhatPollsIsLoadedOnDemand(t *testing.T) {
	chunks, err := fs.Glob(dist, "dist/assets/socketio-transport-*.js")
	if err != nil || len(chunks) != 1 {
		t.Fatalf("%v, %v, want one chunk", chunks, err)
	}
	path := strings.TrimPrefix(chunks[0], "dist")
	if slices.Contains(assets(t), path) {
		t.Errorf("the document names %s", path)
	}
	if r := get(t, Handler(), "GET", path); r.StatusCode != http.StatusOK {
		t.Errorf("GET %s: %s", path, r.Status)
	}
}

func TestCompression(t *testing.T) {
	h := Handler()
	plain := body(t, get(t, h, "GET", "/"))
	for accept, want := range map[string]string{
		"":                         "",
		"identity":                 "",
		"br":                       "",
		"gzip":                     "gzip",
		"br, gzip":                 "gzip",
		"*":                        "gzip",
		"GZIP;q=0.5, identity;q=1": "gzip",
		"gzip;q=0":                 "",
		"gzip; q=0.000":            "",
	} {
		r := get(t, h, "GET", "/", "Accept-Encoding", accept)
		if got := r.Header.Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q is answered with %q, want %q", accept, got, want)
			continue
		}
		if want == "gzip" {
			unzipped, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			r.Body = unzipped
		}
		if got := body(t, r); got != plain {
			t.Errorf("Accept-Encoding %q: another document", accept)
		}
	}
}

func TestRevalidation(t *testing.T) {
	h := Handler()
	plain := get(t, h, "GET", "/").Header.Get("ETag")
	zipped := get(t, h, "GET", "/", "Accept-Encoding", "gzip").Header.Get("ETag")
	if plain == "" || plain == zipped {
		t.Fatalf("entity tags %q and %q, want two different ones", plain, zipped)
	}
	if r := get(t, h, "GET", "/", "If-None-Match", plain); r.StatusCode != http.StatusNotModified {
		t.Errorf("with the document's entity tag: %s, want 304", r.Status)
	}
	if r := get(t, h, "GET", "/", "If-None-Match", `"another"`); r.StatusCode != http.StatusOK {
		t.Errorf("with another entity tag: %s, want 200", r.Status)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	h := Handler()
	for _, path := range []string{"/nothing", "/assets/", "/assets", "/dist/index.html", "/web.go", "//", "/../web.go"} {
		r := get(t, h, "GET", path)
		if r.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s: %s, want 404", path, r.Status)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("GET %s lacks the protecting headers", path)
		}
	}
}

func TestMethods(t *testing.T) {
	h := Handler()
	if r := get(t, h, "HEAD", "/"); r.StatusCode != http.StatusOK || body(t, r) != "" {
		t.Errorf("HEAD /: %s, or it has a body", r.Status)
	}
	r := get(t, h, "POST", "/")
	if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST /: %s, Allow %q", r.Status, r.Header.Get("Allow"))
	}
}

func TestWhatCannotBeServedIsRefused(t *testing.T) {
	document := &fstest.MapFile{Data: []byte("<!doctype html>")}
	for name, built := range map[string]fstest.MapFS{
		"no document":             {},
		"an unknown kind of file": {"index.html": document, "assets/film.mkv": {Data: []byte("x")}},
	} {
		if _, err := newHandler(built); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("/", Handler())
	// http.ListenAndServe("127.0.0.1:8080", mux)
}
