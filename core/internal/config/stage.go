package config

// Stages: the purposes of requests and hooks.
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

// The stages that may have hooks. Keys and metadata must not be changed.
const (
	hookStages     = StageAuthorization + " " + StageToken + " " + StageRefresh + " " + StageDevice + " " + StagePolling
	responseStages = StageToken + " " + StageRefresh + " " + StageDevice + " " + StagePolling + " " + StageRevocation + " " + StageUserinfo + " " + StagePushed + " " + StageIntrospection + " " + StageRegistration
)
