import BloxNN
