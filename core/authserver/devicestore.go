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
	// slowDown is added to the interval of a device that polls too fast (RFC 8628 section 3.5).
	slowDown = 5 * time.Second
	// pollSlack is how much too early a poll may come. Otherwise a device that uses a ticker would
	// be told to slow down whenever a request travels faster than the previous one.
	pollSlack = 500 * time.Millisecond
)

// DeviceRecord is a stored device authorization (RFC 8628 section 3.2).
type DeviceRecord struct {
	// Digest is the digest of the device code.
	Digest Digest
	// UserCode is the digest of the user code's eight letters in upper case. There are so few user
	// codes that the letters can be found by trying all. That is harmless, because a user code is
	// useless without the device code.
	UserCode Digest
	ClientID string
	// Scope is what the device asked for, separated by spaces.
	Scope string
	// Resources and AuthorizationDetails are what else the device asked for (RFC 8707, RFC 9396).
	Resources            []string
	AuthorizationDetails string

	IssuedAt  time.Time
	ExpiresIn time.Duration
	// Interval is the required time between two polls.
	Interval time.Duration
	// PolledAt is when the device last polled; zero if it never did.
	PolledAt time.Time
	Status   DeviceStatus
	// User is the username of the user who approved or denied.
	User string
	// Grant is the name of what the user granted. Everything that is issued for the device code
	// carries it.
	Grant string
}

// IsExpired reports whether the device code and the user code have expired at now.
func (d DeviceRecord) IsExpired(now time.Time) bool {
	return !now.Before(d.IssuedAt.Add(d.ExpiresIn))
}

// Poll records a poll at now, and reports whether it came half a second or more before the interval
// was over. If so, the interval is five seconds longer from then on (RFC 8628 section 3.5). The
// first poll may come at any time.
func (d *DeviceRecord) Poll(now time.Time) (early bool) {
	early = now.Sub(d.PolledAt) <= d.Interval-pollSlack
	if early {
		d.Interval += slowDown
	}
	d.PolledAt = now
	return early
}

// DeviceStore is the part of a [Store] for device authorizations.
type DeviceStore interface {
	// SaveDevice stores a new device authorization. If another one that has not expired at its
	// IssuedAt has the same user code, it stores nothing and returns ErrUserCodeTaken.
	SaveDevice(DeviceRecord) error
	// Device returns the device authorization with the device code, also an expired or redeemed
	// one, or ErrNotFound. DeviceByUserCode returns the one with the user code.
	Device(deviceCode Digest) (DeviceRecord, error)
	DeviceByUserCode(userCode Digest) (DeviceRecord, error)
	// PollDevice calls [DeviceRecord.Poll] and stores the outcome.
	PollDevice(deviceCode Digest, now time.Time) (early bool, err error)
	// DecideDevice approves or denies a pending device authorization. If it is not pending any
	// more, nothing changes and the error is ErrNotFound.
	DecideDevice(deviceCode Digest, decision DeviceStatus, user string) error
	// RedeemDevice marks an approved device authorization as redeemed and stores the token that was
	// issued for it. If it was redeemed before, RedeemDevice revokes its grant, stores nothing and
	// returns ErrReplayed. In any other state the error is ErrNotFound.
	RedeemDevice(deviceCode Digest, issued TokenRecord) error
}
