package authserver

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
)

const (
	// maxDocumentURL is the longest URL of a metadata document, in bytes. The URL is shown to
	// users, and stored with everything that is issued to the client.
	maxDocumentURL = 512
	// maxClientDocument is the largest metadata document, in bytes, as
	// draft-ietf-oauth-client-id-metadata-document section 8.6 recommends.
	maxClientDocument = 5 << 10
	// maxKeyDocument is the largest JWK Set of such a client, in bytes.
	maxKeyDocument = 16 << 10
	// maxDocumentName is the longest name in a document, in characters.
	maxDocumentName = 100
)

// documentGrants are the grants of a client that only its document describes. Either users are
// asked, or an identity provider was (jwtBearer accepts only an ID-JAG from such a client). The
// client cannot act for itself, because what the server stores for it could not be counted against
// anybody.
var documentGrants = []string{GrantAuthorizationCode, GrantRefreshToken, GrantDeviceCode, GrantJWTBearer}

// registeredClient finds a client that is in the store. The error is ErrNotFound if there is none.
func (s *Server) registeredClient(_ *call, clientID string) (Client, error) {
	return s.cfg.Store.Client(clientID)
}

// client finds a registered client, or else one whose client_id is the URL of its metadata. The
// error is ErrNotFound if there is none.
func (s *Server) client(c *call, clientID string) (Client, error) {
	client, err := s.registeredClient(c, clientID)
	if !errors.Is(err, ErrNotFound) || s.cfg.ClientDocuments == nil || !strings.HasPrefix(clientID, "https://") && !strings.HasPrefix(clientID, "http://") {
		return client, err
	}
	if !s.mayFetch(clientID) || len(clientID) > maxDocumentURL {
		return Client{}, documentError("its address is not one that a document can be read from")
	}
	d, err := s.document(c, clientID, time.Time{}, maxClientDocument, func(body []byte) (document, error) {
		client, err := s.readClientDocument(clientID, body)
		return document{client: client}, err
	})
	return d.client, err
}

// mayFetch reports whether a document may be read from the URL
// (draft-ietf-oauth-client-id-metadata-document section 2). It refuses URLs that two parsers could
// understand differently.
func (s *Server) mayFetch(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || !isVSCHAR(uri) || strings.ContainsAny(uri, " \"#<>\\^`{|}") || u.User != nil || strings.Contains(u.Host, "@") ||
		u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || !strings.HasPrefix(u.Path, "/") {
		return false
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	if strings.HasPrefix(uri, "https://") && mayBePublic(uri) {
		return true
	}
	return s.cfg.InsecurePrivateAddresses && (strings.HasPrefix(uri, "https://") || strings.HasPrefix(uri, "http://") && isLoopbackHost(u.Hostname()))
}

// readClientDocument reads the metadata that a client publishes of itself
// (draft-ietf-oauth-client-id-metadata-document section 4.1). They are written for all servers, so
// grants, response types and scopes that this one does not have are left out. Members that it does
// not know are ignored.
func (s *Server) readClientDocument(uri string, body []byte) (Client, error) {
	var members map[string]json.RawMessage
	var m clientMetadata
	if !utf8.Valid(body) || json.Unmarshal(body, &members) != nil || members == nil || json.Unmarshal(body, &m) != nil {
		return Client{}, documentError("it is not a JSON object of client metadata")
	}
	var clientID string
	if json.Unmarshal(members["client_id"], &clientID) != nil || clientID != uri {
		return Client{}, documentError("its client_id is not its address")
	}
	if members["client_secret"] != nil || members["client_secret_expires_at"] != nil {
		return Client{}, documentError("it has a secret, which everybody can read")
	}
	// MCP authorization 2026-07-28, client registration: the name is required.
	if m.ClientName == "" || utf8.RuneCountInString(m.ClientName) > maxDocumentName ||
		strings.ContainsFunc(m.ClientName, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return Client{}, documentError("client_name must be 1 to 100 characters that can be seen")
	}
	switch m.TokenEndpointAuthMethod {
	case "":
		m.TokenEndpointAuthMethod = AuthMethodNone
	case AuthMethodNone, AuthMethodPrivateKeyJWT, AuthMethodSelfSignedTLS:
	default:
		return Client{}, documentError("token_endpoint_auth_method must be none, private_key_jwt or self_signed_tls_client_auth")
	}
	if m.JWKSURI != "" && (m.JWKS != nil || len(m.JWKSURI) > maxDocumentURL || !s.mayFetch(m.JWKSURI)) {
		return Client{}, documentError("jwks_uri is given together with jwks, or is not an address from which keys can be read")
	}
	if s.keepKnown(&m); len(m.GrantTypes) == 0 || len(m.ResponseTypes) == 0 {
		return Client{}, documentError("it names no grant type or no response type that it may have here")
	}
	client := m.client()
	client.ClientID, client.jwksURI, client.ofDocument = uri, m.JWKSURI, true
	// Only a registered client is told of the end of a session, or gets its userinfo signed.
	client.BackchannelLogoutURI, client.FrontchannelLogoutURI, client.UserinfoSignedResponseAlg = "", "", ""
	for _, redirect := range client.RedirectURIs {
		if validateRedirectURI(redirect) != nil {
			return Client{}, documentError("a redirect URI is not allowed")
		}
	}
	if len(client.RedirectURIs) == 0 && client.CheckGrantType(GrantAuthorizationCode) {
		return Client{}, documentError("a redirect URI is needed")
	}
	if s.cannotServe(client) != "" || client.Validate() != nil {
		return Client{}, documentError("its members contradict each other or are not supported")
	}
	return client, nil
}

// keepKnown fills in the defaults of RFC 7591 section 2 and leaves out what the server does not
// have.
func (s *Server) keepKnown(m *clientMetadata) {
	s.fillIn(m)
	m.GrantTypes = slices.DeleteFunc(m.GrantTypes, func(g string) bool {
		return !slices.Contains(documentGrants, g) || !slices.Contains(s.cfg.grantTypes(), g)
	})
	m.ResponseTypes = slices.DeleteFunc(m.ResponseTypes, func(t string) bool {
		return !slices.Contains(s.cfg.responseTypes(), sortedResponseType(t))
	})
	known := s.scopes.names()
	m.Scope = strings.Join(slices.DeleteFunc(strings.Fields(m.Scope), func(name string) bool { return !slices.Contains(known, name) }), " ")
}

// keysOf are the keys that may have signed the token in the client's name.
func (s *Server) keysOf(c *call, client Client, token string) ([]jose.JSONWebKey, error) {
	if client.jwksURI == "" {
		return client.JWKS.Keys, nil
	}
	return s.keysAt(c, client.jwksURI, token)
}

// keysAt are the keys at the address. They are read again for a token of a key that is not among
// them, a minute after the last time at the earliest.
func (s *Server) keysAt(c *call, uri, token string) ([]jose.JSONWebKey, error) {
	read := func(body []byte) (document, error) {
		var set jose.JSONWebKeySet
		if json.Unmarshal(body, &set) != nil || !checkPublicKeys(set.Keys) {
			return document{}, documentError("at jwks_uri there must be 1 to 20 public keys, RSA with 2048 bits or more")
		}
		return document{keys: set.Keys}, nil
	}
	d, err := s.document(c, uri, time.Time{}, maxKeyDocument, read)
	if err != nil {
		return nil, err
	}
	_, header, err := jwtHeader(token, asymmetricAlgs)
	if err == nil && header.KeyID != "" && !slices.ContainsFunc(d.keys, func(k jose.JSONWebKey) bool { return k.KeyID == header.KeyID }) {
		if d, err = s.document(c, uri, c.Now.Add(-minDocumentLife), maxKeyDocument, read); err != nil {
			return nil, err
		}
	}
	return d.keys, nil
}

// isJSON tells whether a media type is JSON (RFC 8259), or one that is written in it (RFC 6839
// section 3.1).
func isJSON(mediaType string) bool {
	return mediaType == "application/json" || strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json")
}
