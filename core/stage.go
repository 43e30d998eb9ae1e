package core

// Stages: what a request, or a hook, is for.
const (
	stageAuthorization = "authorization"
	stageToken         = "token"
	stageRefresh       = "refresh"
	stageDevice        = "device_authorization"
	stagePolling       = "polling"
	stageRevocation    = "revocation"
	stageUserinfo      = "userinfo"
	stageDiscovery     = "discovery"
	stagePushed        = "pushed_authorization"
	stageIntrospection = "introspection"
	stageKeys          = "jwks"
	stageRegistration  = "registration"
	stageResource      = "resource_metadata"
)

// Where hooks may be. What the keys and the metadata are is for nobody to change.
const (
	hookStages     = stageAuthorization + " " + stageToken + " " + stageRefresh + " " + stageDevice + " " + stagePolling
	responseStages = stageToken + " " + stageRefresh + " " + stageDevice + " " + stagePolling + " " + stageRevocation + " " + stageUserinfo + " " + stagePushed + " " + stageIntrospection + " " + stageRegistration
)
