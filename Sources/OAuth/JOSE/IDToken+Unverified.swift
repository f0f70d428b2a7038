extension IDToken {
    /// What a token says, whether or not it is true: good for finding out by whom it should be signed, and for telling that
    /// it speaks of somebody else. Nothing else may rest on it.
    public static func unverifiedClaims(_ token: Secret) -> JSONObject? {
        guard let jws = try? JWS(token.reveal()), case .object(let members)? = try? JSONReader.read(jws.payload) else {
            return nil
        }
        return members
    }
}
