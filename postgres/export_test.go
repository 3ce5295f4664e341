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
