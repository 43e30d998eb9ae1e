package config

// Stages: what a request, or a hook, is for.
const (
	StageAuthorization = "authorization"
	StageToken         = "token"
	StageRefresh       = "refresh"
	StageDevice        = "device_authorization"
	StagePolling       = "polling"
	StageRevocation    = "revocation"
	StageUserinfo      = "userinfo"
	StageDiscovery     = "discovery"
	StagePushed        = "pushed_authorization"
	StageIntrospection = "introspection"
	StageKeys          = "jwks"
	StageRegistration  = "registration"
	StageResource      = "resource_metadata"
)

// Where hooks may be. What the keys and the metadata are is for nobody to change.
const (
	hookStages     = StageAuthorization + " " + StageToken + " " + StageRefresh + " " + StageDevice + " " + StagePolling
	responseStages = StageToken + " " + StageRefresh + " " + StageDevice + " " + StagePolling + " " + StageRevocation + " " + StageUserinfo + " " + StagePushed + " " + StageIntrospection + " " + StageRegistration
)
