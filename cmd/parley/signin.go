package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/seed-4a326f83/parley"
	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/jwt"
	"github.com/seed-4a326f83/parley/server"
)

type jwtFlags struct {
	Key      string `type:"existingfile" placeholder:"FILE" help:"Believe JSON Web Tokens signed with this key: a public key (PEM), or a secret of at least 32 bytes that both systems have."`
	JWKS     string `name:"jwks" type:"existingfile" placeholder:"FILE" help:"Believe JSON Web Tokens signed with a key of this JSON Web Key Set."`
	Issuer   string `help:"Only those of this issuer (iss)."`
	Audience string `help:"Only those for this audience (aud)."`
}

type oidcFlags struct {
	Issuer string `placeholder:"URL" help:"Address of the provider. Its redirect URI for this server is --public-url and /api/oidc/callback."`
	Client string `placeholder:"ID" help:"This server's client id there."`
	Secret string `type:"existingfile" placeholder:"FILE" help:"File with the client's secret; none for a public client."`
	Name   string `help:"What the provider is called on the page."`
}

// checkSignIn says what is wrong with the flags about signing in.
func (c *serveCmd) checkSignIn() error {
	switch {
	case c.JWT.Key != "" && c.JWT.JWKS != "":
		return errors.New("give --jwt-key or --jwt-jwks, not both")
	case (c.JWT.Issuer != "" || c.JWT.Audience != "") && !c.takesTokens():
		return errors.New("--jwt-issuer and --jwt-audience need --jwt-key or --jwt-jwks")
	case (c.OIDC.Issuer == "") != (c.OIDC.Client == ""):
		return errors.New("OpenID Connect needs both --oidc-issuer and --oidc-client")
	case c.OIDC.Issuer != "" && c.PublicURL == nil:
		return errors.New("OpenID Connect needs --public-url, where the provider sends people back to")
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("HTTPS needs both --tls-cert and --tls-key")
	case c.HTTPListen != "" && c.TLSCert == "":
		return errors.New("--http-listen leads to HTTPS: it needs --tls-cert and --tls-key")
	case !c.guests() && !c.signsIn():
		return fmt.Errorf("%s can be reached from other machines: say who may come in, with --accounts (name and password) or --guests (anybody who gives a name)", c.Listen)
	}
	return nil
}

func (c *serveCmd) takesTokens() bool { return c.JWT.Key != "" || c.JWT.JWKS != "" }

// signsIn reports whether there is a way in that asks for more than a name.
func (c *serveCmd) signsIn() bool { return c.Accounts || c.takesTokens() || c.OIDC.Issuer != "" }

// guests reports whether a name is enough.
func (c *serveCmd) guests() bool { return c.Guests || !c.signsIn() && isLoopback(c.Listen) }

// isLoopback reports whether an address to listen on is for this machine alone.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// verifier returns what believes tokens, or nil where none are taken.
func (c *serveCmd) verifier() (func(context.Context, string) (parley.Claims, error), error) {
	if !c.takesTokens() {
		return nil, nil
	}
	path, parse := c.JWT.Key, jwt.FromKey
	if path == "" {
		path, parse = c.JWT.JWKS, jwt.FromSet
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	v, err := parse(data, jwt.Options{Issuer: c.JWT.Issuer, Audience: c.JWT.Audience})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v.Verify, nil
}

// signIns returns the ways to sign in, and prints the link for the first admin
// where there is none.
func (c *serveCmd) signIns(ctx context.Context, people parley.People, open string) (server.SignIns, error) {
	ways := server.SignIns{Accounts: c.Accounts}
	if c.Accounts {
		secret, err := chat.SetupTicket(ctx, people)
		if err != nil {
			return ways, err
		}
		if secret != "" {
			fmt.Printf("There is no admin yet. Become it with this link, which works once:\n  %s#setup=%s\n", strings.TrimSuffix(open, "/")+"/", secret)
		}
	}
	if c.OIDC.Issuer != "" {
		client := server.OIDCClient{Name: c.OIDC.Name, Issuer: c.OIDC.Issuer, ID: c.OIDC.Client}
		if c.OIDC.Secret != "" {
			secret, err := os.ReadFile(c.OIDC.Secret)
			if err != nil {
				return ways, err
			}
			client.Secret = strings.TrimSpace(string(secret))
		}
		var err error
		if ways.OIDC, err = server.NewOIDC(ctx, client); err != nil {
			return ways, err
		}
	}
	return ways, nil
}

// origins parses --allow-origin, and proxies --trusted-proxies.
func (c *serveCmd) origins() (all []*url.URL, err error) {
	for _, text := range c.AllowOrigin {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return nil, fmt.Errorf("--allow-origin %s: an origin is a scheme and a host, such as https://intranet.example.org", text)
		}
		all = append(all, u)
	}
	return all, nil
}

func (c *serveCmd) proxies() (all []netip.Prefix, err error) {
	for _, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if addr, err2 := netip.ParseAddr(text); err != nil && err2 == nil {
			p, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxies %s: name addresses or networks, such as 10.0.0.0/8", text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}
