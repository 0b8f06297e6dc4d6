"""Turns the options of a command into a scene, a dive or colours. Nothing here renders."""
