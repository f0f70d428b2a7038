"""What the toolkit lets a deployment change: here, that answers to some clients leave `expires_in` out."""

from oauth2_provider.oauth2_validators import OAuth2Validator

silent = set()  # client_ids; filled when the clients are registered


class Validator(OAuth2Validator):
    def save_bearer_token(self, token, request, *arguments, **named):
        super().save_bearer_token(token, request, *arguments, **named)
        if request.client.client_id in silent:
            del token["expires_in"]
