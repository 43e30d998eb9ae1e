package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/cli/browser"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/redirect"
)

var errNotKept = errors.New("signed in, but the session is lost with this process")

func (p *program) login(ctx context.Context) error {
	var status oauth.Status
	var err error
	switch {
	case p.loopback:
		status, err = redirect.SignIn(ctx, p.client, redirect.Options{RedirectURI: p.config.RedirectURI, Terminal: p.screen}, p.openBrowser)
	case p.paste:
		status, err = redirect.PasteCode(ctx, p.client, p.in, p.askForCode)
	default:
		status, err = p.device(ctx)
	}
	switch {
	case err != nil:
		return err
	case status.NotPersisted:
		return errNotKept
	}
	p.screen.print("Signed in.\n")
	if p.json {
		signedIn, err := p.source.status(ctx)
		if err != nil {
			return err
		}
		return p.print(signedIn)
	}
	return nil
}

// openBrowser shows the URL in any case, because only the user can see whether a browser opened.
func (p *program) openBrowser(url string) error {
	if err := p.printURL(url); err != nil {
		return err
	}
	p.screen.print("To sign in, use the browser that opens now, or open\n\n    %s\n\nWaiting for you to allow it …\n", url)
	browser.Stdout, browser.Stderr = io.Discard, io.Discard // standard output is for the token
	browser.OpenURL(url)
	return nil
}

func (p *program) askForCode(url string) error {
	if err := p.printURL(url); err != nil {
		return err
	}
	p.screen.print("To sign in, open\n\n    %s\n\nThen paste the code that is shown, or the address that the browser ends at: ", url)
	return nil
}

// printURL prints the sign-in URL for a program that reads JSON.
func (p *program) printURL(url string) error {
	if !p.json {
		return nil
	}
	return p.print(struct {
		URL string `json:"authorization_url"`
	}{url})
}

// device signs in with a code that the user enters elsewhere (RFC 8628), or continues an unfinished
// sign-in.
func (p *program) device(ctx context.Context) (oauth.Status, error) {
	d, err := p.startDevice(ctx)
	if err == nil {
		p.showDevice(d)
		if p.json {
			if err := p.print(struct {
				Device *device `json:"device"`
			}{deviceOf(d)}); err != nil {
				return oauth.Status{}, err
			}
		}
		stop := p.screen.keep(func() string { return p.watch.line(time.Now()) })
		defer stop()
		var status oauth.Status
		if status, err = p.client.DeviceWait(ctx); err == nil {
			return status, nil
		}
	}
	// After Ctrl-C or a refusal the next run begins again.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return oauth.Status{}, errors.Join(err, p.client.DeviceCancel(last))
}

func (p *program) startDevice(ctx context.Context) (oauth.DeviceAuthorization, error) {
	status, err := p.client.Status(ctx)
	if err != nil {
		return oauth.DeviceAuthorization{}, err
	}
	if d := status.Device; d != nil {
		p.watch.device(*d)
		if err := p.client.DeviceResume(ctx); err == nil {
			p.screen.print("Going on with the sign-in that was begun before.\n")
			return *d, nil
		} else if !errors.Is(err, oauth.ErrExpired) {
			return oauth.DeviceAuthorization{}, err
		}
	}
	return p.client.DeviceAuthorize(ctx, oauth.DeviceParams{})
}

// showDevice prints the code last, so that it stays visible. The QR code, which is long and least
// needed, comes first, and is omitted if the terminal is too small for both.
func (p *program) showDevice(d oauth.DeviceAuthorization) {
	text, link := "To sign in, open\n\n    "+d.VerificationURI+"\n\non any device and enter the code\n\n    "+printable(d.UserCode)+"\n\n", d.VerificationURI
	if d.VerificationURIComplete != "" {
		link = d.VerificationURIComplete
		text = "To sign in, open\n\n    " + link + "\n\nor, on any device,\n\n    " + d.VerificationURI + "\n\nand enter the code\n\n    " + printable(d.UserCode) + "\n\n"
	}
	width, height := p.screen.size()
	if code := qrCode(link, width); code != "" && !p.noQR && lines(code, 0)+lines(text, width)+below <= height {
		text = code + "\n" + text
	}
	p.screen.print("%s", text)
}

// below is the greatest number of lines below the code: an empty line, one that says that the
// server cannot be reached, and the one that changes.
const below = 3

// lines is the number of lines of a text on a terminal of that width; 0: lines do not wrap.
func lines(text string, width int) (n int) {
	for line := range strings.Lines(text) {
		n++
		if width > 0 {
			n += max(0, len([]rune(strings.TrimSuffix(line, "\n")))-1) / width
		}
	}
	return n
}

// printable is a text of others without characters that control a terminal.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) {
			return '\uFFFD'
		}
		return c
	}, text)
}
