package oauthtest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// A request to the server of the contract suite for a body of five bytes.
func Example() {
	server := httptest.NewServer(oauthtest.Handler())
	defer server.Close()
	res, err := http.Get(server.URL + "/bytes/5")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	fmt.Println(string(body), err)

	// Output:
	// xxxxx <nil>
}
