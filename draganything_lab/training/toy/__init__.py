"""The toy video model: its stages, from the VAE to the ControlNets."""
