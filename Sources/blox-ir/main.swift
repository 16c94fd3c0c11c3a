print("blox-ir")
