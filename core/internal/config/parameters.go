package config

// Protected reports whether only the core may set a parameter of the authorization request, and no
// caller or hook.
func Protected(name string) bool {
	switch name {
	case "response_type", "client_id", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method", "dpop_jkt", "request", "request_uri":
		return true
	}
	return false
}

// replyParameters are the parameters of an authorization response that have a meaning here.
const replyParameters = "code state iss error error_description error_uri response"
