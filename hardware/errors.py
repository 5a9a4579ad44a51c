"""What devices raise.

DeviceError
├── DeviceGone      the device cannot be reached or has been unplugged; reopen it
├── DeviceTimeout   nothing came within the time asked for; the device may be idle or stalled
└── DeviceSettings  a setting is impossible, or was refused or changed by the device
"""


class DeviceError(Exception):
    """Root of everything a device raises. Vendor errors are its cause."""


class DeviceGone(DeviceError):
    """The device cannot be reached or has been unplugged."""


class DeviceTimeout(DeviceError):
    """Nothing came within the time asked for."""


class DeviceSettings(DeviceError):
    """A setting is impossible, or was refused or changed by the device."""
