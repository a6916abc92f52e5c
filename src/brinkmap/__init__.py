"""How little natural distortion makes a black-box classifier change its mind, and where it has to be put."""
