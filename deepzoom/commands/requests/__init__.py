"""From the texts of a command's options to a scene, a dive and its colours. Nothing here renders."""
