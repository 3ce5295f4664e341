package postgres

import (
	"context"
	"net"
)

// OpenThrough is Open over connections that dial makes.
func OpenThrough(ctx context.Context, url string, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*Store, error) {
	config, err := parse(url)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.DialFunc = dial
	return open(ctx, config)
}

// Setting returns one of PostgreSQL's settings on a connection that appends.
func Setting(ctx context.Context, s *Store, name string) (value string, err error) {
	err = s.writeIn(ctx, s.appends, func(t *tx) error {
		_, err := t.row(`SELECT current_setting($1)`, []any{name}, &value)
		return err
	})
	return value, err
}

// ConnectionLost is connectionLost.
var ConnectionLost = connectionLost
