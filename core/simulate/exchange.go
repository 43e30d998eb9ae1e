package simulate

import "net/url"

// exchange is one request on its way to the server and back.
type exchange struct {
	w    *World
	p    *party
	t    *task
	e    *effect
	body string
	form url.Values
	// proof is the request's DPoP proof, if it has one.
	proof *proof
}
