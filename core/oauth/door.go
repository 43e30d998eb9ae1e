package oauth

import (
	"context"
	"encoding/json"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
)

func init() {
	door.Configuration = func(config, options any) (json.RawMessage, error) {
		return json.Marshal(options.(Options).configure(config.(Config)))
	}
	door.Open = func(engine any, kind string, config, options any, with door.Setting) (door.Session, error) {
		opts := options.(Options)
		opts.hands, opts.quick, opts.trouble = with.Hands, with.Quick, with.Trouble
		own, _ := engine.(Engine)
		s, err := openSession(own, kind, config, opts)
		if err != nil {
			return nil, err
		}
		return opened{s}, nil
	}
}

// opened is a session in the form of package door.
type opened struct{ s *session }

func (o opened) Do(ctx context.Context, op string, params, out any) error {
	return o.s.do(ctx, op, params, out)
}

func (o opened) Begin(op string, params any) (int64, func(context.Context, any) error, error) {
	id, w, err := o.s.start(context.Background(), op, params, false)
	if err != nil {
		return 0, nil, err
	}
	o.s.help(w)
	return id, func(ctx context.Context, out any) error {
		if w.done != nil {
			select {
			case <-w.done:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return w.result.read(op, out)
	}, nil
}

func (o opened) Quiet() { o.s.quiet() }

func (o opened) Idle() bool { return o.s.idle() }

func (o opened) Close() { o.s.close() }
