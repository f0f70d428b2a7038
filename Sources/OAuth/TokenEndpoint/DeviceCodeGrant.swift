/// RFC 8628 §3.4.
public enum DeviceCodeGrant {
    public static func parameters(deviceCode: Secret) -> Parameters {
        Parameters([("grant_type", GrantType.deviceCode.rawValue), ("device_code", deviceCode.reveal())])
    }
}
