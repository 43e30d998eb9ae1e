package authserver

import "time"

// DeviceStatus is how far a device authorization has come.
type DeviceStatus string

// States of a device authorization.
const (
	DevicePending  DeviceStatus = "pending"
	DeviceApproved DeviceStatus = "approved"
	DeviceDenied   DeviceStatus = "denied"
	DeviceRedeemed DeviceStatus = "redeemed"
)

const (
	// slowDown is what RFC 8628 section 3.5 adds to the interval of a device that polls too fast.
	slowDown = 5 * time.Second
	// pollSlack is how much early a poll may come. A device that keeps time by a ticker would
	// otherwise be told to slow down whenever one of its requests travels faster than the one
	// before.
	pollSlack = 500 * time.Millisecond
)

// DeviceRecord is a device authorization (RFC 8628 section 3.2) as stored.
type DeviceRecord struct {
	// Digest is that of the device code.
	Digest Digest
	// UserCode is the digest of the user code's eight letters in upper case. There are few enough
	// user codes to find it by trying all; what protects one is that it is worth nothing without
	// the device code.
	UserCode Digest
	ClientID string
	// Scope is what the device asked for, separated by spaces.
	Scope string
	// Resources and AuthorizationDetails are what it asked for besides (RFC 8707, RFC 9396).
	Resources            []string
	AuthorizationDetails string

	IssuedAt  time.Time
	ExpiresIn time.Duration
	// Interval is what has to lie between two polls.
	Interval time.Duration
	// PolledAt is when the device last polled; zero while it has not.
	PolledAt time.Time
	Status   DeviceStatus
	// User is the username of who approved or denied.
	User string
	// Grant names what the user granted; everything issued for the device code carries it.
	Grant string
}

// IsExpired tells whether the lifetime of device code and user code is over at now.
func (d DeviceRecord) IsExpired(now time.Time) bool {
	return !now.Before(d.IssuedAt.Add(d.ExpiresIn))
}

// Poll notes a poll at now and tells whether it came before the interval was over, by half a second
// or more. If so, the interval is five seconds longer from then on (RFC 8628 section 3.5). The
// first poll may come at any time.
func (d *DeviceRecord) Poll(now time.Time) (early bool) {
	early = now.Sub(d.PolledAt) <= d.Interval-pollSlack
	if early {
		d.Interval += slowDown
	}
	d.PolledAt = now
	return early
}

// DeviceStore is the part of a [Store] that keeps device authorizations.
type DeviceStore interface {
	// SaveDevice keeps a new device authorization. If one that is not expired at its IssuedAt has
	// the same user code, it keeps nothing and returns ErrUserCodeTaken.
	SaveDevice(DeviceRecord) error
	// Device returns the device authorization with the device code, expired and redeemed ones
	// included, or ErrNotFound; DeviceByUserCode returns the one with the user code.
	Device(deviceCode Digest) (DeviceRecord, error)
	DeviceByUserCode(userCode Digest) (DeviceRecord, error)
	// PollDevice does [DeviceRecord.Poll] and keeps the outcome.
	PollDevice(deviceCode Digest, now time.Time) (early bool, err error)
	// DecideDevice turns a pending device authorization into an approved or denied one; if it is
	// not pending any more, nothing changes and the error is ErrNotFound.
	DecideDevice(deviceCode Digest, decision DeviceStatus, user string) error
	// RedeemDevice marks an approved device authorization redeemed and keeps the token issued for
	// it. If it was redeemed before, it revokes its grant, keeps nothing and returns ErrReplayed;
	// if it is neither, the error is ErrNotFound.
	RedeemDevice(deviceCode Digest, issued TokenRecord) error
}
