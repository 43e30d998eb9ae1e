package authserver

import "time"

// SaveDevice implements [DeviceStore].
func (m *MemoryStore) SaveDevice(d DeviceRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(d.IssuedAt)
	if old := m.userCodes[d.UserCode]; old != nil && !old.IsExpired(d.IssuedAt) {
		return ErrUserCodeTaken
	}
	m.devices[d.Digest] = &d
	m.userCodes[d.UserCode] = &d
	return nil
}

// Device implements [DeviceStore].
func (m *MemoryStore) Device(deviceCode Digest) (DeviceRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.devices[deviceCode]; ok {
		return *d, nil
	}
	return DeviceRecord{}, ErrNotFound
}

// DeviceByUserCode implements [DeviceStore].
func (m *MemoryStore) DeviceByUserCode(userCode Digest) (DeviceRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.userCodes[userCode]; ok {
		return *d, nil
	}
	return DeviceRecord{}, ErrNotFound
}

// PollDevice implements [DeviceStore].
func (m *MemoryStore) PollDevice(deviceCode Digest, now time.Time) (early bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.devices[deviceCode]
	if !ok {
		return false, ErrNotFound
	}
	return d.Poll(now), nil
}

// DecideDevice implements [DeviceStore].
func (m *MemoryStore) DecideDevice(deviceCode Digest, decision DeviceStatus, user string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.devices[deviceCode]
	if !ok || d.Status != DevicePending {
		return ErrNotFound
	}
	d.Status, d.User = decision, user
	return nil
}

// RedeemDevice implements [DeviceStore].
func (m *MemoryStore) RedeemDevice(deviceCode Digest, issued TokenRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.devices[deviceCode]
	switch {
	case ok && d.Status == DeviceRedeemed:
		m.revokeGrant(d.Grant)
		return ErrReplayed
	case !ok || d.Status != DeviceApproved:
		return ErrNotFound
	}
	d.Status = DeviceRedeemed
	m.keep(issued)
	return nil
}
