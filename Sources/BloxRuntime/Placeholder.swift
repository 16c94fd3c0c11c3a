import BloxIR
