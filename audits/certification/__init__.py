"""What a way of forgetting has been shown to do on a model, apart from any one request."""
